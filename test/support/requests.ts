import { ORDINARY } from './broker.ts'

/** An ordinary request with another purpose, by which the test rules decide: `ask`, `ask-two`, `deny`, `charge`. */
export const withPurpose = (purpose: string) => ({ intent: { ...ORDINARY.intent, purpose } })
