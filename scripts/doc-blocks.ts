/**
 * Runs the code in a page of docs/ and puts what it prints where the page shows it: blocks of `js` are one program from the top of the page to its end, blocks of
 * `sh` are commands, and a block of `text` right behind either is what it prints. A test does the same and finds the page unchanged.
 *
 *   node --import tsx scripts/doc-blocks.ts docs/reading-a-certificate.md examples/certificates
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const BLOCK = /^```(js|sh)\n([\s\S]*?)^```\n(?:(\n*)```text\n[\s\S]*?^```\n)?/gm
/** Printed between blocks; no output has it. */
const BETWEEN = '\u001e'

/** The page with the outputs that its code has now. `folder`: where it runs; `musig`: the file that the command stands for. */
export function withOutputs(page: string, folder: string, musig: string): string {
  const programs = [...page.matchAll(BLOCK)].filter(([, language]) => language === 'js').map(([, , code]) => code)
  const printed = run(process.execPath, ['--input-type=module', '--eval', programs.join(`console.log('${BETWEEN}')\n`)], folder)
  const outputs = printed.split(`${BETWEEN}\n`)
  return page.replace(BLOCK, (_, language: string, code: string, gap: string | undefined) => {
    const output = language === 'js' ? (outputs.shift() ?? '') : run('bash', ['-euc', `musig() { node '${musig}' "$@"; }\n${code}`], folder)
    const block = `\`\`\`${language}\n${code}\`\`\`\n`
    return output === '' ? block : `${block}${gap ?? '\n'}\`\`\`text\n${output.replace(/ +$/gm, '').trimEnd()}\n\`\`\`\n`
  })
}

function run(command: string, args: readonly string[], folder: string): string {
  return execFileSync(command, args, { cwd: folder, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1', COLUMNS: '100' }, timeout: 60_000 })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [file, folder] = process.argv.slice(2)
  if (file === undefined || folder === undefined) throw new Error('usage: node --import tsx scripts/doc-blocks.ts PAGE.md FOLDER')
  writeFileSync(file, withOutputs(readFileSync(file, 'utf8'), folder, fileURLToPath(new URL('../bin/run.js', import.meta.url))))
}
