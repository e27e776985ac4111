/** Says which command was probably meant. Never asks: a hook that waits for an answer would hang scripts and people alike. */
import type { Hook } from '@oclif/core'
import { distance } from 'fastest-levenshtein'
import { JSON_SCHEMA } from '../lib/cli/base-command.js'

/** The commands or topics nearest to what was typed, at most three, best first; none where nothing is near. */
export function nearest(typed: readonly string[], names: readonly string[]): string[] {
  const scored = names.map((name) => {
    const words = name.split(':')
    const start = typed.slice(0, words.length).join(' ')
    return { name: words.join(' '), off: distance(start, words.join(' ')), length: start.length }
  })
  // A topic that was typed correctly is not what was meant: the word after it is wrong.
  const near = scored.filter(({ off, length }) => off > 0 && off <= Math.max(1, Math.floor(length / 3)))
  const best = Math.min(...near.map(({ off }) => off))
  const nearNames = near.filter(({ off }) => off === best).map(({ name }) => name)
  return [...new Set(nearNames)].sort().slice(0, 3)
}

/** The longest beginning of what was typed that is a topic. */
function knownTopic(typed: readonly string[], names: readonly string[]): readonly string[] {
  for (let length = typed.length; length > 0; length--) if (names.includes(typed.slice(0, length).join(':'))) return typed.slice(0, length)
  return []
}

const hook: Hook<'command_not_found'> = async function ({ id, argv, config }) {
  const typed = id.split(':').filter((word) => word !== '')
  const names = [...config.commandIDs, ...config.topics.filter((topic) => !topic.hidden).map((topic) => topic.name)]
  const near = nearest(typed, names).map((name) => `${config.bin} ${name}`)
  const hint =
    near.length > 0 ? `did you mean ${near.join(' or ')}?` : `${[config.bin, ...knownTopic(typed, names)].join(' ')} --help lists what there is`
  const message = `no command ${config.bin} ${typed.join(' ')}: ${hint}`
  if (argv?.includes('--json')) process.stdout.write(`${JSON.stringify({ schema: JSON_SCHEMA, error: { code: 'BAD_INPUT', message } }, null, 2)}\n`)
  else process.stderr.write(`Error: ${message}\n`)
  this.exit(2)
}

export default hook
