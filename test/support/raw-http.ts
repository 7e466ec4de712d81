import { connect } from 'node:net'

/** What came back over one connection that was fed by hand, read until the other side closed it. */
export interface RawAnswer {
  readonly text: string
  readonly status: number
  readonly header: (name: string) => string | undefined
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the answer is what is being tested
  readonly body: any
}

/** Sends these bytes as they are, for what no HTTP client would send, and reads the first answer to its end. */
export async function sendRaw(url: string, bytes: string | Buffer): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(bytes))
    let read = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      read += chunk
      if (isWhole(read)) {
        socket.destroy()
        resolve(read)
      }
    })
    socket.on('error', reject)
    socket.on('close', () => {
      resolve(read)
    })
  })
  return parsed(text)
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  const length = /^content-length: (\d+)$/im.exec(text.slice(0, end))?.[1]
  return end >= 0 && length !== undefined && Buffer.byteLength(text.slice(end + 4)) >= Number(length)
}

function parsed(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line]))
  const body = text.slice(end + 4)
  return {
    text,
    status: Number(first.split(' ')[1]),
    header: (name) => {
      const line = headers.get(name)
      return line?.slice(line.indexOf(':') + 1).trim()
    },
    body: body.startsWith('{') ? (JSON.parse(body) as unknown) : body,
  }
}
