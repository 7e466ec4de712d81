import * as z from 'zod'

import { ConfigurationFile } from '../src/config/schema/configuration.ts'
import { RuleFile } from '../src/rules/rule-file.ts'

/** What an editor checks a file against while it is written. Draft 7 is what all of them read. */
const render = (schema: z.ZodType): Promise<string> =>
  Promise.resolve(`${JSON.stringify(z.toJSONSchema(schema, { io: 'input', target: 'draft-7' }), null, 2)}\n`)

export const renderConfigurationSchema = (): Promise<string> => render(ConfigurationFile)
export const renderRulesSchema = (): Promise<string> => render(RuleFile)
