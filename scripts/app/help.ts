import type { Command } from 'commander'
import { type VariableName, variables } from './config.ts'

/** What `--help` says below the options: the same parts for every command. */
export function addHelp(
  command: Command,
  parts: { examples: string[]; environment: readonly VariableName[]; notes?: string[] },
): Command {
  const width = Math.max(...parts.environment.map((name) => name.length))
  const environment = [
    [
      'Environment:',
      ...parts.environment.map((name) => `  ${name.padEnd(width)}  ${helpOf(name, command)}`),
    ],
  ]
  const sections = [
    ...(parts.environment.length > 0 ? environment : []),
    ['Examples:', ...parts.examples.map((example) => `  ${example}`)],
    ['Exit codes: 0 done, 1 failed, 2 wrong usage'],
  ]
  if (parts.notes) sections.unshift(parts.notes)
  return command.addHelpText('after', sections.map((lines) => `\n${lines.join('\n')}`).join('\n'))
}

function helpOf(name: VariableName, command: Command): string {
  const { help } = variables[name]
  if (name !== 'DATABASE_URL') return help
  return command.name() === 'start'
    ? `${help}; unset: an embedded one in $PIGEONPOST_DATA/pg`
    : `${help}; unset: the one that "start" wrote to $PIGEONPOST_DATA/env`
}
