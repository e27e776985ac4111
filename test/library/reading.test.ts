/** Every block of docs/reading-a-certificate.md runs, with the packed package, and prints what the page shows. */
// time limit: 300 s
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { withOutputs } from '../../scripts/doc-blocks.js'
import { Project } from './packed.js'

const page = readFileSync(fileURLToPath(new URL('../../docs/reading-a-certificate.md', import.meta.url)), 'utf8')
const project = new Project()
test.after(() => project.remove())
const renewed = (text: string) => withOutputs(text, join(project.installed, 'examples', 'certificates'), join(project.installed, 'bin', 'run.js'))

test('the chapter is what its code prints', () => {
  const again = renewed(page)
  assert.ok((page.match(/^```text$/gm) ?? []).length >= 15, 'its outputs are there')
  assert.is(again, page, 'if this is meant: node --import tsx scripts/doc-blocks.ts docs/reading-a-certificate.md examples/certificates')
})

test('nothing in it differs or fails', () => {
  const outputs = [...page.matchAll(/^```text\n([\s\S]*?)^```/gm)].map(([, output]) => output).join('')
  assert.not.match(outputs, /DIFFERS|INVALID/)
  assert.is((outputs.match(/: false$/gm) ?? []).length, 1, 'one check fails, on purpose')
})

test('a changed output, and code that throws, are seen', () => {
  const block = (code: string, output: string) => `\`\`\`js\n${code}\n\`\`\`\n\n\`\`\`text\n${output}\n\`\`\`\n`
  assert.is(renewed(block('console.log(1 + 1)', '3')), block('console.log(1 + 1)', '2'))
  assert.throws(() => renewed(block("throw new Error('planted')", '')), /planted/)
})

test.run()
