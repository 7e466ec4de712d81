import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { Socket } from 'node:net'

/** Connections of one request, which end with it. */
export interface PinnedAgents extends Disposable {
  readonly httpAgent: HttpAgent
  readonly httpsAgent: HttpsAgent
}

/**
 * Agents that connect to one origin and to nothing else. The library under node-vault follows redirects with the token
 * in hand, and obeys HTTP_PROXY; neither gets a connection. Certificates are checked whatever NODE_TLS_REJECT_UNAUTHORIZED
 * says.
 */
export function pinnedAgents(origin: URL, ca: string | null): PinnedAgents {
  const httpAgent = new HttpAgent({ keepAlive: false })
  const httpsAgent = new HttpsAgent({ keepAlive: false, rejectUnauthorized: true, ...(ca !== null && { ca }) })
  const secure = origin.protocol === 'https:'
  pin(httpAgent, secure ? null : origin)
  pin(httpsAgent, secure ? origin : null)
  return {
    httpAgent,
    httpsAgent,
    [Symbol.dispose]() {
      httpAgent.destroy()
      httpsAgent.destroy()
    },
  }
}

function pin(agent: HttpAgent, origin: URL | null): void {
  const connect = agent.createConnection.bind(agent)
  agent.createConnection = (options, callback) => {
    if (origin !== null && options.host === hostOf(origin) && Number(options.port) === portOf(origin))
      return connect(options, callback)
    // Handed over and not thrown: after a redirect there is nobody to catch it.
    callback?.(Object.assign(new Error('Refused to connect to another host'), { code: 'ANOTHER_HOST' }), new Socket())
    return null
  }
}

const hostOf = (origin: URL): string => origin.hostname.replace(/^\[|\]$/g, '')
const portOf = (origin: URL): number => Number(origin.port || (origin.protocol === 'https:' ? 443 : 80))
