/**
 * `npm run guide [-- CHAPTER …]`: runs the commands of docs/guide.md as they stand there, each chapter in an empty folder with a state of its own. A chapter has
 * failed where a command ends in another way than the guide says: with 0, or with what stands behind it as `# exit code N`. Leaves nothing running.
 */
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { main, ready, root } from './ready.mjs'

const TIME_LIMIT_MS = 300_000

/** @typedef {{ number: string, title: string, commands: string }} Chapter */

/** The chapters of a text with the lines of their boxes of commands. @param {string} text @returns {Chapter[]} */
function chaptersOf(text) {
  return text
    .split(/^## (?=\d+\. )/m)
    .slice(1)
    .map((chapter) => {
      const [, number = '', title = ''] = /^(\d+)\. (.*)/.exec(chapter) ?? []
      return { number, title, commands: [...chapter.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, lines]) => lines).join('') }
    })
}

/** A script that ends with the first command that does not end as it says. @param {string} commands */
function scriptOf(commands) {
  const ending = /^(.*\S)\s+# exit code (\d+)$/gm
  return commands.replace(ending, (_, command, code) => `code=0; ${command} || code=$?; [ $code -eq ${code} ] # exit code ${code}`)
}

/** @param {string} script @param {string} cwd @param {NodeJS.ProcessEnv} env @returns {Promise<number>} */
function bash(script, cwd, env) {
  const child = spawn('bash', ['-evo', 'pipefail', '-c', script], { cwd, env, stdio: ['ignore', 'inherit', 'inherit'], timeout: TIME_LIMIT_MS })
  return new Promise((resolve, reject) => child.on('close', (code) => resolve(code ?? 1)).on('error', reject))
}

/** @param {Chapter} chapter */
async function run({ number, title, commands }) {
  console.log(`\n${number}. ${title}`)
  const folder = mkdtempSync(join(tmpdir(), 'musig-guide-'))
  const [bin, work] = [join(folder, 'bin'), join(folder, 'work')]
  for (const each of [bin, work]) mkdirSync(each)
  writeFileSync(join(bin, 'musig'), `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'bin', 'run.js')}" "$@"\n`)
  chmodSync(join(bin, 'musig'), 0o755)
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH']}`, MUSIG_HOME: join(folder, 'home'), CLONE: root, NO_COLOR: '1' }
  try {
    return await bash(scriptOf(commands), work, env)
  } finally {
    await bash('for name in $(ls "$MUSIG_HOME/clusters" 2>/dev/null); do musig cluster rm --cluster "$name" || true; done', work, env)
    rmSync(folder, { recursive: true, force: true })
  }
}

await main(async () => {
  await ready()
  const all = chaptersOf(readFileSync(join(root, 'docs', 'guide.md'), 'utf8'))
  const asked = process.argv.slice(2)
  const unknown = asked.find((number) => !all.some((chapter) => chapter.number === number))
  if (unknown !== undefined) throw new Error(`the guide has no chapter ${unknown}; it has ${all.map(({ number }) => number).join(', ')}`)
  for (const chapter of all.filter(({ number }) => asked.length === 0 || asked.includes(number))) {
    const code = await run(chapter)
    if (code !== 0) throw new Error(`chapter ${chapter.number} ends with ${code}: the command above it does not end as the guide says`)
  }
  console.log('\nthe guide does what it says')
})
