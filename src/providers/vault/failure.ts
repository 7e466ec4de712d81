import type { VaultAnswer } from './transport.ts'

/** Why something did not work at a Vault. The message names the endpoint and the status, and holds no part of a body. */
export class VaultFailure extends Error {
  /** The status, null where there was no answer. */
  readonly status: number | null

  constructor(message: string, status: number | null) {
    super(message)
    this.name = 'VaultFailure'
    this.status = status
  }
}

/** A failed request, or a success in a form that nobody can rely on: said without what was sent or what came back. */
export function failureOf(path: string, answer: VaultAnswer): VaultFailure {
  if (answer.kind === 'unanswered') return new VaultFailure(`Vault did not answer ${path}: ${answer.why}`, null)
  const { status } = answer
  const what = status === 200 ? 'something that is not an answer to it' : `${status}`
  return new VaultFailure(`Vault answered ${path} with ${what}`, status)
}
