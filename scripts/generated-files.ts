import { renderClientTypes, renderOpenapi } from './render-openapi.ts'
import { renderProblems } from './render-problems.ts'
import { renderRulesDoc } from './render-rules-doc.ts'
import { renderConfigurationSchema, renderRulesSchema } from './render-schema.ts'

/** A file in the repository that is made from code. */
export interface GeneratedFile {
  /** Relative to the root of the repository. */
  readonly path: string
  /** The whole text as it should be on disk; the same on every machine and at every time. */
  readonly render: () => Promise<string>
}

/** Every generated file. `npm run generate` writes them, `npm run check:generated` compares them with the disk. */
export const GENERATED: readonly GeneratedFile[] = [
  { path: 'openapi.json', render: renderOpenapi },
  { path: 'src/client/openapi.gen.ts', render: renderClientTypes },
  { path: 'docs/problems.md', render: renderProblems },
  { path: 'docs/rules.md', render: renderRulesDoc },
  { path: 'config/mayfly.schema.json', render: renderConfigurationSchema },
  { path: 'config/rules.schema.json', render: renderRulesSchema },
]
