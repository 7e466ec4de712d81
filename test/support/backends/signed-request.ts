import { createHash, createHmac } from 'node:crypto'

export interface AccessKey {
  readonly AccessKeyId: string
  readonly SecretAccessKey: string
  readonly SessionToken?: string
}

export interface SignedCall {
  readonly url: string
  readonly method: 'GET' | 'PUT' | 'POST'
  readonly service: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  /** When it is signed; now, if nothing is said. */
  readonly at?: number
}

/** One request with an AWS Signature Version 4 of our own, so that nothing of what is tested also does the asking. */
export async function signedRequest(key: AccessKey, call: SignedCall): Promise<Response> {
  const { method, service, body = '', at = Date.now() } = call
  const url = new URL(call.url)
  const time = new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, '')
  const scope = `${time.slice(0, 8)}/us-east-1/${service}/aws4_request`
  const headers: Record<string, string> = {
    ...call.headers,
    host: url.host,
    'x-amz-content-sha256': sha256(body),
    'x-amz-date': time,
    ...(key.SessionToken !== undefined && { 'x-amz-security-token': key.SessionToken }),
  }
  const names = Object.keys(headers).sort()
  const query = [...url.searchParams]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
  const canonical = [
    method,
    url.pathname,
    query.join('&'),
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    sha256(body),
  ].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n')
  const signingKey = [...scope.split('/')].reduce<Buffer | string>(hmac, `AWS4${key.SecretAccessKey}`)
  const signature = Buffer.from(hmac(signingKey, toSign)).toString('hex')
  return await fetch(url, {
    method,
    // `fetch` writes the host itself, from the same URL.
    headers: {
      ...Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'host')),
      authorization: `AWS4-HMAC-SHA256 Credential=${key.AccessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
    },
    ...(method !== 'GET' && { body }),
  })
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest()
