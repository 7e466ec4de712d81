/** Whether a pattern selects a name: exactly, or everything below a trailing `.*`. No other sign of it means anything. */
export const selects = (pattern: string, name: string): boolean =>
  pattern.endsWith('.*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
