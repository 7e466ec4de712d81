/** The outside world of a configuration. Both functions throw where the file cannot be read. */
export interface ConfigurationSources {
  readonly readFile: (path: string) => string
  /** The nine permission bits. */
  readonly modeOf: (path: string) => number
  readonly env: Readonly<Record<string, string | undefined>>
}
