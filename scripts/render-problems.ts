import { PROBLEM_SLUGS, PROBLEMS } from '../src/http/problem.ts'

const INTRODUCTION = `<!-- Generated from src/http/problem.ts by \`npm run generate\`. -->

# Problems

Every refusal of the HTTP API is \`application/problem+json\` (RFC 9457): \`type\` is \`urn:mayfly:problem:<slug>\`, \`detail\` says
what to do, \`instance\` is the request id, under which the operator finds the cause in the log. Where they help there are
\`errors\` (\`path\` is a JSON Pointer into what was sent), \`decision\`, and \`state\`. A secret is never in one.

What lies under \`/oauth/\` refuses with the same statuses in the form that OAuth clients read (RFC 6749 section 5.2): \`error\` and
\`error_description\`.
`

/** docs/problems.md: one table, then a section for each slug that error texts can link to. */
export function renderProblems(): Promise<string> {
  const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const table = [
    row('slug', 'status', 'means'),
    row('---', '---', '---'),
    ...PROBLEM_SLUGS.map((slug) => row(`[\`${slug}\`](#${slug})`, String(PROBLEMS[slug].status), PROBLEMS[slug].title)),
  ]
  const sections = PROBLEM_SLUGS.map((slug) => {
    const { status, title, when, mend } = PROBLEMS[slug]
    return `## ${slug}\n\n${status}: ${title}.\n\n**When:** ${when}\n\n**Mend:** ${mend}\n`
  })
  return Promise.resolve([INTRODUCTION, `${table.join('\n')}\n`, ...sections].join('\n'))
}
