import type { Command } from 'commander'

/** The group of that name, which online and offline commands may share. */
export function group(program: Command, name: string, description: string): Command {
  return program.commands.find((command) => command.name() === name) ?? program.command(name).description(description)
}
