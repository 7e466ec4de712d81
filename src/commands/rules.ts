import type { Command } from 'commander'
import { readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { CommandFailed, EXIT } from '../cli/command-failed.ts'
import type { Terminal } from '../cli/terminal.ts'
import { readYaml } from '../config/read-yaml.ts'
import { describeFault } from '../core/fault.ts'
import type { RuleSet } from '../core/judge.ts'
import { checkRules } from '../local/check-rules.ts'
import { explainRules } from '../local/explain-rules.ts'
import { testRules } from '../local/test-rules.ts'
import { orFaults, readNamed, readPolicy } from './read-policy.ts'

interface Source {
  readonly config?: string
  readonly rules?: readonly string[]
  readonly json?: true
}

/** `mayfly rules check | test | explain`: what rules say, without a broker. */
export function rulesCommands(program: Command, terminal: Terminal): void {
  const rules = program.command('rules').description('check, test and explain rules')

  rules
    .command('check')
    .description('say everything that is wrong with rules')
    .argument('[files...]', 'rule files; their selectors want --config, which knows the tools and grants')
    .option('--config <file>', 'check the rules of this configuration instead')
    .option('--json', 'as { "digest", "rules", "tiers", "warnings" }')
    .action((files: readonly string[], { config, json }: Source) => {
      const { set, warnings } = rulesOf(terminal, { ...(config !== undefined && { config }), rules: files })
      const counts = { digest: set.digest, rules: set.lease.length, tiers: set.tiers.length }
      for (const warning of warnings) terminal.err(`warning: ${warning}\n`)
      terminal.out(
        json
          ? `${JSON.stringify({ ...counts, warnings })}\n`
          : `The rules are good: ${counts.rules} on lease, ${counts.tiers} tiers\nrules ${set.digest}\n`,
      )
    })

  withSource(rules.command('test'))
    .description('run cases against rules; a case says what differs from an ordinary request and what must come of it')
    .argument('<cases...>', 'case files, or folders of them')
    .option('--json', 'a line a case: { "file", "name", "passed", "differences" }')
    .action((cases: readonly string[], source: Source) => {
      const { set } = rulesOf(terminal, source)
      const files = cases.flatMap((path) => caseFiles(resolve(terminal.cwd, path)))
      if (files.length === 0)
        throw new CommandFailed(EXIT.usage, {
          cause: 'There is no case.',
          mend: 'Name .yaml files, or a folder that holds some.',
        })
      const results = files.map((file) => testRules(set, file, readNamed(file)))
      for (const result of results) {
        const failed = result.differences.map((line) => `     ${line}\n`).join('')
        terminal.out(
          source.json ? `${JSON.stringify(result)}\n` : `${result.passed ? 'ok  ' : 'FAIL'} ${result.name}\n${failed}`,
        )
      }
      const failed = results.filter(({ passed }) => !passed).length
      if (!source.json) terminal.out(`${results.length - failed} passed, ${failed} failed\n`)
      if (failed > 0)
        throw new CommandFailed(EXIT.error, {
          cause: `${failed} of ${results.length} cases failed.`,
          mend: 'Mend the rules, or the cases if they are wrong.',
        })
    })

  withSource(rules.command('explain'))
    .description(
      'say what each rule makes of one request: give its facts as YAML, only what differs from an ordinary one',
    )
    .argument('<facts>', 'a file of facts, or - for standard input')
    .option('--json', 'as { "verdict", "rules" }')
    .action(async (facts: string, source: Source) => {
      const { set } = rulesOf(terminal, source)
      const text = facts === '-' ? await terminal.readStdin() : readNamed(resolve(terminal.cwd, facts))
      const explained = orFaults(terminal, explainRules(set, orFaults(terminal, readYaml(facts, text))))
      if (source.json) {
        terminal.out(`${JSON.stringify(explained)}\n`)
        return
      }
      const { verdict } = explained
      for (const rule of explained.rules) {
        const mark = rule.matched === 'error' ? 'error' : rule.matched ? 'yes' : 'no'
        terminal.out(
          `${mark.padEnd(6)}${rule.id.padEnd(28)}${rule.effect.padEnd(10)}${rule.mode.padEnd(9)}${rule.why}\n`,
        )
      }
      terminal.out(`${verdict.effect}: score ${verdict.risk.score}, tier ${verdict.risk.tier}\n`)
    })
}

const collect = (path: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), path]

const withSource = (command: Command): Command =>
  command
    .option('--config <file>', 'the rules of this configuration')
    .option('--rules <file>', 'a rule file; may be given again', collect)

interface ReadRules {
  readonly set: RuleSet
  readonly warnings: readonly string[]
}

function rulesOf(terminal: Terminal, { config, rules = [] }: Source): ReadRules {
  if ((config === undefined) === (rules.length === 0)) {
    throw new CommandFailed(EXIT.usage, {
      cause: 'Which rules?',
      mend: 'Name rule files, or a configuration with --config, and not both.',
    })
  }
  if (config !== undefined) {
    const loaded = readPolicy(terminal, config)
    return { set: loaded.rules, warnings: loaded.warnings.map(describeFault) }
  }
  const checked = orFaults(
    terminal,
    checkRules(
      rules.map((file) => resolve(terminal.cwd, file)),
      readNamed,
    ),
  )
  return { set: checked.rules, warnings: checked.warnings.map(describeFault) }
}

function caseFiles(path: string): readonly string[] {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [path]
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(path, name))
}
