import { execFileSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { chmod, chown, cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, type QueryResult } from 'pg'
import { answering, folderOf, freePort, startServer } from './backend.ts'

export interface Login {
  readonly user: string
  readonly password: string
}

/** One connection, which a test may find cut. */
export interface Session extends AsyncDisposable {
  readonly query: (sql: string) => Promise<QueryResult>
  /** Whether the server has ended it. */
  readonly cut: () => boolean
}

/** A real PostgreSQL of this test run, on a port of its own, with an empty database `postgres`. */
export interface Postgres extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** A statement, as the superuser. */
  readonly admin: (sql: string) => Promise<QueryResult>
  /** Logs in. Throws where that is refused. */
  readonly login: (as: Login) => Promise<Session>
  /** Freezes every one of its processes as they are, or lets them go on. */
  readonly freeze: () => Promise<Disposable>
  /** Kills it as a crash would; its data stay. */
  readonly stop: () => Promise<void>
  readonly start: () => Promise<void>
}

const SUPERUSER = { user: 'postgres', password: 'superuser-of-the-test' }

export async function startPostgres(): Promise<Postgres> {
  const owner = process.getuid?.() === 0 ? nobody() : undefined
  const folder = await mkdtemp(join(tmpdir(), 'mayfly-postgres-'))
  const native = await readableBinaries(folder, owner)
  await writeFile(join(folder, 'password'), SUPERUSER.password)
  if (owner) {
    await chmod(folder, 0o755)
    await chown(join(folder, 'password'), owner.uid, owner.gid)
  }
  const data = await mkdtemp(join(folder, 'data-'))
  if (owner) await chown(data, owner.uid, owner.gid)
  const run = { ...owner, cwd: folder, env: { PATH: process.env['PATH'], LC_ALL: 'C' } }
  const initdb = ['-D', data, '-U', SUPERUSER.user, '--auth=scram-sha-256', `--pwfile=${join(folder, 'password')}`]
  execFileSync(join(native, 'bin/initdb'), [...initdb, '--locale=C', '-E', 'UTF8', '-N'], { ...run, stdio: 'pipe' })

  const port = await freePort()
  const host = '127.0.0.1'
  const launch = () =>
    startServer(join(native, 'bin/postgres'), ['-D', data, '-p', `${port}`, '-h', host, '-k', ''], run)
  let server = launch()

  const login: Postgres['login'] = async (as) => {
    const client = new Client({ ...as, host, port, database: 'postgres' })
    let cut = false
    // A session that is cut is what some tests wait for; a client without a listener would end the process.
    client.on('error', () => (cut = true))
    client.on('end', () => (cut = true))
    await client.connect()
    return { query: (sql) => client.query(sql), cut: () => cut, [Symbol.asyncDispose]: () => client.end() }
  }
  const admin: Postgres['admin'] = async (sql) => {
    await using session = await login(SUPERUSER)
    return await session.query(sql)
  }
  const ready = (): Promise<void> => answering(server, async () => (await admin('select 1')).rowCount === 1)

  await ready()
  return {
    host,
    port,
    admin,
    login,
    async freeze() {
      const { rows } = await admin('select pid from pg_stat_activity where pid <> pg_backend_pid()')
      const pids = [server.child.pid, ...rows.map(({ pid }) => pid as number)].filter((pid) => pid !== undefined)
      for (const pid of pids) process.kill(pid, 'SIGSTOP')
      return { [Symbol.dispose]: () => pids.forEach((pid) => process.kill(pid, 'SIGCONT')) }
    },
    stop: () => server.end('SIGQUIT'),
    async start() {
      server = launch()
      await ready()
    },
    async [Symbol.asyncDispose]() {
      await server.end('SIGQUIT')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface User {
  readonly uid: number
  readonly gid: number
}

/** PostgreSQL refuses to be root. */
function nobody(): User {
  const id = (which: string): number => Number(execFileSync('id', [which, 'nobody'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/** The binaries where they are installed or, where that user may not read them there, a copy. */
async function readableBinaries(folder: string, user: User | undefined): Promise<string> {
  const installed = join(folderOf('postgres'), 'native')
  accessSync(join(installed, 'bin/postgres'), constants.X_OK)
  if (!user) return installed
  try {
    execFileSync(join(installed, 'bin/postgres'), ['--version'], { ...user, cwd: '/', stdio: 'pipe' })
    return installed
  } catch {
    await cp(installed, join(folder, 'native'), { recursive: true, verbatimSymlinks: true })
    return join(folder, 'native')
  }
}
