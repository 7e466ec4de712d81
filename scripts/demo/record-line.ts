import type { AuditRecord } from '../../src/client/resources.ts'

const MOST = 60

/** One audit record for people: what happened, by whom, to what. */
export function recordLine({ kind, actor, subject, task, fingerprint }: AuditRecord): string {
  const about = { ...subject } as { readonly access?: readonly Access[]; readonly reason?: string | null }
  const what = about.access?.map(({ grant, actions }) => `${grant} (${actions.join(', ')})`).join(', ') ?? about.reason
  const text = what ?? (fingerprint === null ? '' : `fingerprint ${fingerprint.slice(0, 12)}...`)
  const by = actor.type === 'lease' ? `${actor.id.slice(0, 6)}...${actor.id.slice(-4)}` : actor.id
  return `${kind.padEnd(19)}${by.padEnd(18)}${(task ?? '').padEnd(13)}${text.length > MOST ? `${text.slice(0, MOST)}...` : text}`
}

interface Access {
  readonly grant: string
  readonly actions: readonly string[]
}
