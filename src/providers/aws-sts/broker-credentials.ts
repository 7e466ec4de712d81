import type { STSClientConfig } from '@aws-sdk/client-sts'
import { fromIni } from '@aws-sdk/credential-provider-ini'
import { readKeyFile } from './read-key-file.ts'
import type { AwsCredentialSource } from './settings.ts'

/**
 * The part of a client's configuration that says who the broker is. Exactly the source that was configured: a profile that
 * is not there fails, and never falls through to the identity of the machine.
 */
export function brokerCredentials(source: AwsCredentialSource): Pick<STSClientConfig, 'credentials'> {
  switch (source.from) {
    case 'files':
      return {
        credentials: async () => ({
          accessKeyId: await readKeyFile(source.accessKeyIdFile),
          secretAccessKey: await readKeyFile(source.secretAccessKeyFile),
          // Stale at once, so that a key that was rotated is read with the next call.
          expiration: new Date(0),
        }),
      }
    case 'profile':
      return { credentials: fromIni({ profile: source.profile }) }
    case 'chain':
      return {}
  }
}
