import type { Finding } from '../../broker/provider-port.ts'

/** Nothing to mend. */
export const well = (check: string, detail: string): Finding => ({ check, ok: true, detail, mend: null })

export const wrong = (check: string, detail: string, mend: string): Finding => ({ check, ok: false, detail, mend })
