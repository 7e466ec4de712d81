import { expect } from 'chai'
import { readFileSync } from 'node:fs'

import { checkRules } from '../../src/local/check-rules.ts'
import { testRules } from '../../src/local/test-rules.ts'
import { compile, good } from './support/rule-files.ts'

const at = (path: string): string => new URL(`../../${path}`, import.meta.url).pathname
const page = readFileSync(at('docs/rules.md'), 'utf8')
const blocks = Array.from(page.matchAll(/^```yaml\n([^]*?)^```$/gm), ([, block]) => block ?? '')
const [rule, tiers, ruleCase] = blocks

describe('docs/rules.md', () => {
  it('shows a rule and tiers that load', () => {
    expect(blocks).to.have.length(3)
    expect(good(compile(`${rule ?? ''}${tiers ?? ''}`)).rules.lease.map(({ id }) => id)).to.deep.equal([
      'no-refunds-at-night',
    ])
  })

  it('shows a case that passes against the baseline', () => {
    const baseline = good(checkRules([at('config/rules/baseline.yaml')], (path) => readFileSync(path, 'utf8')))
    expect(testRules(baseline.rules, 'docs/rules.md', ruleCase ?? '').differences).to.deep.equal([])
  })

  it('says of each member of a rule what it is', () => {
    const schema = JSON.parse(readFileSync(at('config/rules.schema.json'), 'utf8')) as {
      readonly properties: { readonly rules: { readonly items: { readonly properties: object } } }
    }
    const documented = Array.from(page.matchAll(/^\| (`[a-z_`, ]+`) \|/gm), ([, names]) => names ?? '').join(' ')
    const late = ['escalate_to', 'escalate_after']
    for (const member of Object.keys(schema.properties.rules.items.properties))
      if (!late.includes(member)) expect(documented, member).to.include(`\`${member}\``)
  })
})
