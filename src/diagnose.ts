import type { Clock } from './broker/ports.ts'
import type { Finding } from './broker/provider-port.ts'
import { createProvider, type ProviderLedger, type ProviderParts } from './create-providers.ts'
import type { Fetch } from './identity/fetch-json.ts'
import { createIdentities } from './identity/create-identities.ts'
import { checkDataFolder } from './local/doctor/check-data-folder.ts'
import { checkIdentity } from './local/doctor/check-identity.ts'
import { checkIssuer } from './local/doctor/check-issuers.ts'
import { checkKeys } from './local/doctor/check-keys.ts'
import { checkLedger } from './local/doctor/check-ledger.ts'
import type { LoadedPolicy } from './local/load-policy.ts'

/** Whatever has not answered by then is not well either, in milliseconds. */
const CHECK_MS = 30_000

export interface Patient {
  readonly loaded: LoadedPolicy
  /** Null: the one of the configuration. */
  readonly dataDir: string | null
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly fetch: Fetch
  /** An identity token of an agent, to be tried; null: none. */
  readonly token: string | null
}

/** What was looked at of one issuer, provider or token. */
export interface Examined {
  readonly about: string
  readonly findings: readonly Finding[]
}

/** Everything that a broker of this configuration will need, looked at now. Nothing is minted or changed. */
export async function diagnose(patient: Patient): Promise<readonly Examined[]> {
  const { loaded, clock, fetch, token } = patient
  const { issuers, providers, catalogue } = loaded.configuration
  const examined = [
    about('broker', () => checkBroker(patient)),
    ...issuers.map((issuer) => about(`issuer ${issuer.name}`, () => checkIssuer(issuer, fetch))),
    ...providers.map((settings) => about(`provider ${settings.name}`, () => checkProvider(settings, patient))),
  ]
  if (token !== null) {
    const parties = { issuers, agents: catalogue.agents, operators: [], peps: [], ownIssuer: '' }
    const identities = createIdentities(parties, { clock, fetch })
    examined.push(about('identity token', () => checkIdentity(token, { identities, issuers })))
  }
  return Promise.all(examined)
}

/** What lies on the machine of the broker itself. */
async function checkBroker({ loaded, dataDir, clock }: Patient): Promise<readonly Finding[]> {
  const { server, sealKey } = loaded.configuration
  const folder = dataDir ?? server.dataDir
  const looked = [checkDataFolder(folder), checkKeys(sealKey, folder), checkLedger(folder, clock())]
  return (await Promise.all(looked)).flat()
}

type Settings = LoadedPolicy['configuration']['providers'][number]

/** A provider that may not even be made is one that keeps the broker from starting: that is the finding. */
async function checkProvider(settings: Settings, { loaded, env, clock }: Patient): Promise<readonly Finding[]> {
  const parts: ProviderParts = {
    tokens: { issuer: '', keys: { signer: () => undefined, published: () => [] } },
    clock,
    ledger: NOTHING_HANDED_OUT,
    log: { warn: () => undefined, error: () => undefined },
    catalogue: () => loaded.configuration.catalogue,
    env,
  }
  const provider = createProvider(settings, parts)
  if (provider.kind === 'local') {
    return [{ check: 'signing', ok: true, detail: 'Signs here: there is nothing outside to look at', mend: null }]
  }
  try {
    return await provider.check(AbortSignal.timeout(CHECK_MS))
  } finally {
    if (isDisposable(provider)) await provider[Symbol.asyncDispose]()
  }
}

const isDisposable = (provider: object): provider is AsyncDisposable => Symbol.asyncDispose in provider

async function about(what: string, look: () => Promise<readonly Finding[]>): Promise<Examined> {
  try {
    return { about: what, findings: await look() }
  } catch (error) {
    const [detail = '', ...mend] = (error instanceof Error ? error.message : String(error)).split(/(?<=\.) /)
    const said = mend.length > 0 ? mend.join(' ') : 'It keeps a broker from starting: mend its settings.'
    return { about: what, findings: [{ check: 'settings', ok: false, detail, mend: said }] }
  }
}

/** Looking mints nothing, so that nothing has to be known of what was minted. */
const NOTHING_HANDED_OUT: ProviderLedger = { endedAt: () => [], recordedOf: () => [], recordedLately: () => [] }
