import openapiTS, { astToString } from 'openapi-typescript'

import { openapi } from '../src/http/openapi.ts'
import { endpoints } from '../src/http/endpoints.ts'
import type { Services } from '../src/http/services.ts'
import packageFile from '../package.json' with { type: 'json' }

/** Stands for everything that the routes stand on: they are described here, and none of them is ever called. */
const nothing: object = new Proxy(() => undefined, { get: () => nothing })
const NO_SERVICES = { broker: nothing, publicKeys: nothing, onLoopback: true, version: '' } as unknown as Services

const document = () => openapi(endpoints(NO_SERVICES), packageFile.version)

/** `/openapi.json` as a broker on loopback serves it. */
export const renderOpenapi = (): Promise<string> => Promise.resolve(`${JSON.stringify(document(), null, 2)}\n`)

/** The types of the client, made from that document. */
export async function renderClientTypes(): Promise<string> {
  const { components, ...rest } = JSON.parse(await renderOpenapi()) as { components: { schemas: object } }
  // TypeScript cannot write down JSON that nests in itself through an index signature: free JSON is `unknown` there.
  const schemas = Object.entries(components.schemas).map(([name, schema]) => [name, FREE_JSON.test(name) ? {} : schema])
  const flattened = { ...rest, components: { ...components, schemas: Object.fromEntries(schemas) } }
  const types = await openapiTS(JSON.stringify(flattened), { immutable: true })
  return `/** Generated from openapi.json by \`npm run generate\`. */\n\n${astToString(types)}`
}

const FREE_JSON = /^(Json|JsonOutput|__schema\d+)$/
