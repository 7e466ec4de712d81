/** People are compared without regard to case: `Dana@Example.com` is the owner `dana@example.com`. */
export const samePerson = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()
