/** A broker that must not be started as it is configured. The message is what is wrong, then the mend. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused'
}
