// time limit: 300 s
/** `machine new`: what it writes works as it is, out of the packed package; and what it refuses leaves everything as it was. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { MusigError } from '../../src/lib/base/errors.js'
import { checkMachineFile } from '../../src/lib/node/machine-file.js'
import { writeMachineProject } from '../../src/lib/node/machine-project.js'
import { Project } from '../library/packed.js'
import { skipped } from '../skip.js'

const templates = fileURLToPath(new URL('../../templates/machine', import.meta.url))
const own = JSON.parse(readFileSync(fileURLToPath(new URL('../../package.json', import.meta.url)), 'utf8'))
const parent = mkdtempSync(join(tmpdir(), 'musig-new-'))
const write = (name: string, more: Partial<Parameters<typeof writeMachineProject>[0]> = {}) =>
  writeMachineProject({ name, language: 'ts', parent, templates, musig: '^1.2.3', ...more })

const hasPython = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']).status === 0
let project: Project

test.before(() => {
  project = new Project(['typescript', '@types/node'])
})

test.after(() => {
  project.remove()
  rmSync(parent, { recursive: true, force: true })
})

/** Runs `musig` in the project's folder, as it was installed there. */
function musig(...args: string[]) {
  return project.node([join(project.installed, 'bin/run.js'), ...args], { MUSIG_HOME: join(project.folder, 'home') })
}

async function refused(work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  const error = await work.then(
    () => undefined,
    (reason: MusigError) => reason,
  )
  assert.is(error?.code, code)
  assert.match(error?.message ?? '', message)
}

test('TypeScript: builds, passes its tests, and signers take the one file that comes of it', async () => {
  const { code, stdout } = await musig('machine', 'new', 'counters', '--json')
  assert.is(code, 0, stdout)
  const { files, next } = JSON.parse(stdout)
  assert.equal(files, ['.gitignore', 'README.md', 'package.json', 'src/machine.test.ts', 'src/machine.ts', 'tsconfig.json'])
  assert.match(next.join(' '), /npm install npm test npx musig cluster up --cluster counters --machine dist\/machine.js/)
  const folder = join(project.folder, 'counters')
  const { name, scripts, devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  assert.is(name, 'counters')
  assert.is(devDependencies['musig-paxos'], `^${own.version}`)
  // The compiler that these tests run is the one that a user gets.
  assert.is(devDependencies.typescript, `^${own.devDependencies.typescript}`)
  assert.is(scripts.test, 'tsc && node --test dist/machine.test.js')
  const built = await project.node([join('node_modules/typescript/bin/tsc'), '-p', 'counters'])
  assert.is(built.code, 0, built.stdout + built.stderr)
  const tested = await project.node(['--test', 'counters/dist/machine.test.js'])
  assert.is(tested.code, 0, tested.stdout)
  assert.match(tested.stdout, /# pass 8\n# fail 0/)
  assert.match(await checkMachineFile(join(folder, 'dist/machine.js')), /^sha256:/)
})

test('a machine that is spoilt is found by the project’s tests', async () => {
  const file = join(project.folder, 'counters/dist/machine.js')
  const source = readFileSync(file, 'utf8')
  assert.ok(source.includes('{ counter, value }'))
  writeFileSync(file, source.replaceAll('{ counter, value }', '{ counter, value: Math.random() }'))
  const tested = await project.node(['--test', 'counters/dist/machine.test.js'])
  assert.is(tested.code, 1)
  assert.match(tested.stdout, /has two receipts/)
})

if (!hasPython) skipped(2, 'there is no python3 (3.9 or later)')
else {
  test('Python: the program passes its tests', async () => {
    const { code, stdout } = await musig('machine', 'new', 'pycounters', '--language', 'python')
    assert.is(code, 0, stdout)
    assert.match(
      stdout,
      /^Wrote .*pycounters: \.gitignore, README\.md, machine\.py, machine\.test\.js, package\.json\.\nNext: cd pycounters && npm install && npm test && npx/,
    )
    assert.ok((statSync(join(project.folder, 'pycounters/machine.py')).mode & 0o111) === 0o111)
    const tested = await project.node(['--test', 'pycounters/machine.test.js'])
    assert.is(tested.code, 0, tested.stdout)
    assert.match(tested.stdout, /# pass 8\n# fail 0/)
  })

  test('Python: the program answers as the transcript of the guide says', () => {
    const guide = readFileSync(fileURLToPath(new URL('../../docs/state-machines.md', import.meta.url)), 'utf8')
    const lines = (arrow: string) => [...guide.matchAll(new RegExp(`^${arrow} (.*)$`, 'gm'))].map(([, line]) => line ?? '')
    const [calls, answers] = [lines('→'), lines('←')]
    assert.is(calls.length, 7)
    const { stdout } = spawnSync(join(templates, 'python/machine.py'), { input: `${calls.join('\n')}\n`, encoding: 'utf8' })
    assert.equal(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
      answers.map((line) => JSON.parse(line)),
    )
  })
}

test('nothing that is there is written over', async () => {
  await write('first')
  const readme = join(parent, 'first/README.md')
  writeFileSync(readme, 'mine')
  await refused(write('first'), 'ALREADY_EXISTS', /first exists already/)
  assert.is(readFileSync(readme, 'utf8'), 'mine')
  mkdirSync(join(parent, 'empty'))
  await refused(write('empty'), 'ALREADY_EXISTS', /exists already/)
  writeFileSync(join(parent, 'file'), '')
  await refused(write('file'), 'ALREADY_EXISTS', /exists already/)
  symlinkSync('nowhere', join(parent, 'link'))
  await refused(write('link'), 'ALREADY_EXISTS', /exists already/)
  assert.equal(readdirSync(parent).sort(), ['empty', 'file', 'first', 'link'])
})

test('names that are none are refused', async () => {
  for (const name of ['', '.', '..', '../up', '/abs', 'a/b', 'a b', 'Upper', '-x', '.hidden', 'ä', 'x'.repeat(65), 'x\n', 'x.lock', '$(rm)'])
    await refused(write(name), 'BAD_INPUT', /is no name for a project/)
  for (const name of ['musig-paxos', 'typescript', 'node_modules']) await refused(write(name), 'BAD_INPUT', /give it another one/)
  assert.not.ok(existsSync(join(dirname(parent), 'up')))
})

test('where the package comes from: a version, a file, a folder, and nothing else', async () => {
  const specIn = (name: string) => JSON.parse(readFileSync(join(parent, name, 'package.json'), 'utf8')).devDependencies['musig-paxos']
  await write('version', { musig: '1.0.0-rc.1' })
  assert.is(specIn('version'), '1.0.0-rc.1')
  const tarball = join(parent, 'musig.tgz')
  writeFileSync(tarball, '')
  await write('packed', { musig: tarball })
  assert.is(specIn('packed'), 'file:../musig.tgz')
  for (const musig of ['', './nowhere.tgz', '/nowhere', 'a b', '1", "x": "', '\n'])
    await refused(write('bad', { musig }), 'BAD_INPUT', /neither a file or folder/)
  await refused(write('bad', { parent: join(parent, 'nowhere') }), 'BAD_INPUT', /cannot write/)
  assert.not.ok(existsSync(join(parent, 'bad')))
})

test.run()
