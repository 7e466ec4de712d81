import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How long requests in flight may take to finish after a stop was asked for. */
const GRACE_MS = 10_000
/** How often connections are looked at that became idle during the grace. */
const IDLE_MS = 50

/** Starts to accept requests. Resolves to the address, with the port that was really taken. */
export function listen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      const { port: bound } = server.address() as AddressInfo
      resolve(`http://${host.includes(':') ? `[${host}]` : host}:${bound}`)
    })
  })
}

/** Takes no new connection, lets what is in flight finish, and cuts off what does not within the grace. */
export function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      server.closeAllConnections()
    }, GRACE_MS)
    // A connection whose last request was answered stays open for the next one, which nobody will take.
    const idle = setInterval(() => {
      server.closeIdleConnections()
    }, IDLE_MS)
    server.close(() => {
      clearTimeout(cut)
      clearInterval(idle)
      resolve()
    })
    server.closeIdleConnections()
  })
}
