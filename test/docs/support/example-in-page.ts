import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import ts from 'typescript'
import type { UpstreamProvider } from '../../../src/broker/provider-port.ts'

const CHECKOUT = join(import.meta.dirname, '../../..')

/** What the page tells its readers to write: settings as one value, and the provider that comes of them. */
interface ExampleModule {
  readonly createShopKeys: (settings: {
    readonly name: string
    readonly address: string
    readonly loginFile: string
    readonly callMs: number
  }) => UpstreamProvider
}

/** The example of docs/providers.md, as it stands there. */
export async function exampleInPage(): Promise<string> {
  const page = await readFile(join(CHECKOUT, 'docs/providers.md'), 'utf8')
  const blocks = [...page.matchAll(/^```ts\n([^]*?)^```$/gm)].flatMap(([, block]) => block ?? [])
  const [example] = blocks.filter((block) => block.includes('export function createShopKeys'))
  if (example === undefined) throw new Error('docs/providers.md shows no provider')
  return example
}

/** The example on disk, at a place from which its packages are found. Its imports say that it lies in src/providers. */
export async function writeExample(example: string): Promise<AsyncDisposable & { readonly path: string }> {
  const cache = join(CHECKOUT, '.cache')
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(cache, 'docs-example-'))
  const path = join(folder, 'shop-keys.ts')
  const source = relative(folder, join(CHECKOUT, 'src'))
  await writeFile(path, example.replaceAll(" from '../", ` from '${source}/`))
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}

export const importExample = async (path: string): Promise<ExampleModule> => (await import(path)) as ExampleModule

/** What the compiler says of each file under the options of the checkout. */
export function compilerSays(...paths: readonly string[]): readonly (readonly string[])[] {
  const config = ts.readConfigFile(join(CHECKOUT, 'tsconfig.json'), (name) => ts.sys.readFile(name))
  const { options } = ts.parseJsonConfigFileContent({ ...config.config, files: paths }, ts.sys, CHECKOUT)
  const program = ts.createProgram(paths, { ...options, rootDir: CHECKOUT, noEmit: true })
  return paths.map((path) => {
    const file = program.getSourceFile(path)
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(({ messageText }) =>
      ts.flattenDiagnosticMessageText(messageText, '\n'),
    )
  })
}
