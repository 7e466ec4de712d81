import type { Step } from '../core/source-document.ts'

/** Notes a fault at a path of the file that is being checked. */
export type Say = (path: readonly Step[], message: string, mend: string) => void
