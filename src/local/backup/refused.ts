/** Why a backup or a restore is refused, and what to do about it. Nothing was changed. */
export interface Refused {
  readonly cause: string
  readonly mend: string
}
