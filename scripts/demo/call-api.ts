interface ApiCall {
  /** Such as `POST /orders/1234/refund`. */
  readonly call: string
  readonly accessToken: string
  readonly signal: AbortSignal
}

interface ApiAnswer {
  readonly status: number
  /** What was answered, or why not. */
  readonly says: string
}

/** One call of the agent to the shop. */
export async function callApi(apiUrl: string, { call, accessToken, signal }: ApiCall): Promise<ApiAnswer> {
  const [method = 'GET', path = '/'] = call.split(' ')
  const answer = await fetch(apiUrl + path, { method, headers: { authorization: `Bearer ${accessToken}` }, signal })
  const { says } = (await answer.json()) as Pick<ApiAnswer, 'says'>
  return { status: answer.status, says }
}
