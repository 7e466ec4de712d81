type Names = readonly string[] | null

/**
 * Every name that a configuration gives out, for whatever refers to one. Null: nobody can know, because that list is
 * broken itself or because there is no configuration; then nothing is said about it.
 */
export interface ConfiguredNames {
  readonly issuers: Names
  readonly agents: Names
  readonly owners: Names
  readonly purposes: Names
  readonly providers: Names
  readonly grants: Names
  readonly tools: Names
  /** Labels that are declared beside the built-in ones. */
  readonly labels: Names
  /** Labels that some grant or tool carries. */
  readonly carried: Names
  /** Groups that some operator is in. */
  readonly groups: Names
}

/** Rules on their own, without a configuration: the built-in labels are all the words there are. */
export const NO_CONFIGURATION: ConfiguredNames = {
  issuers: null,
  agents: null,
  owners: null,
  purposes: null,
  providers: null,
  grants: null,
  tools: null,
  labels: [],
  carried: null,
  groups: null,
}
