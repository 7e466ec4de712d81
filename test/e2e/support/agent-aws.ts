import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Context } from 'mocha'
import { awsCommandLine, type Ministack } from '../../support/backends/ministack.ts'
import { skipBecause } from '../../support/skip-because.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** The real `aws` command line of an agent, with what it was handed out and nothing else. */
export interface AgentAws extends AsyncDisposable {
  /** What it prints, on standard error where it fails. */
  readonly run: (...args: readonly string[]) => Promise<string>
}

/** The way in which programs get credentials from another: `credential_process` prints the value of the API. */
export async function agentAws(context: Context, ministack: Ministack, value: object): Promise<AgentAws> {
  const aws =
    awsCommandLine() ?? skipBecause(context, 'there is no aws command line: run scripts/backends install awscli')
  const folder = await temporaryFolder()
  const handed = folder.at('handed-out.json')
  await writeFile(handed, JSON.stringify({ Version: 1, ...value }))
  await writeFile(folder.at('config'), `[profile agent]\nregion = us-east-1\ncredential_process = cat ${handed}\n`)
  const env = {
    ...aws.env,
    PATH: process.env['PATH'],
    HOME: folder.path,
    AWS_CONFIG_FILE: folder.at('config'),
    AWS_SHARED_CREDENTIALS_FILE: folder.at('none'),
    AWS_PROFILE: 'agent',
    AWS_ENDPOINT_URL: ministack.url,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_MAX_ATTEMPTS: '1',
  }
  return {
    run: (...args) =>
      promisify(execFile)(aws.command, [...aws.args, ...args], { env, timeout: 30_000 }).then(
        ({ stdout }) => stdout,
        (error: unknown) => (error as { readonly stderr: string }).stderr,
      ),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

/** AWS's own clock, so much ahead until it is disposed; without a library that moves it there is no such test. */
export async function awsAhead(context: Context, ministack: Ministack, ms: number): Promise<AsyncDisposable> {
  if (!ministack.movable) skipBecause(context, 'there is no libfaketime: run scripts/backends install faketime')
  await ministack.setAhead(ms)
  return { [Symbol.asyncDispose]: () => ministack.setAhead(0) }
}
