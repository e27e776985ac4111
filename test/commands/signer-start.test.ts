/** `musig signer start`: runs a signer in the foreground, and refuses in one line. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Client } from '../../src/lib/node/client.js'
import { type ClusterFiles, clusterFiles, putDocument, TOKEN } from '../node/cluster-fixture.js'
import { Bench } from './musig.js'

const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))

let bench: Bench
let files: ClusterFiles

test.before(async () => {
  bench = new Bench()
  files = await clusterFiles(1, 'command')
})

test.after(() => {
  bench.remove()
  files.remove()
})

function flags(): string[] {
  const [config] = files.configs
  if (!config) throw new Error('no signer')
  return [
    '--manifest',
    config.manifest,
    '--key',
    config.key,
    '--store',
    config.store,
    '--addresses',
    config.addresses,
    '--token-file',
    config.tokenFile,
  ]
}

test('takes transactions until Ctrl-C, its log on stdout', async () => {
  const child = spawn(process.execPath, [BIN, 'signer', 'start', ...flags()], {
    env: { ...process.env, MUSIG_HOME: bench.home },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let log = ''
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  await Promise.race([
    ended,
    new Promise<void>((resolve) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        log += text
        if (log.includes('"signer started"')) resolve()
      })
    }),
  ])
  const client = new Client({ addresses: files.addresses, token: TOKEN })
  assert.is((await client.submit(putDocument(files.manifest, 'x', {}))).status, 'executed')
  client.close()
  child.kill('SIGINT')
  assert.is(await ended, 0)
  const lines = log.trim().split('\n')
  assert.ok(lines.every((line) => typeof JSON.parse(line) === 'object'))
  assert.ok(lines.some((line) => line.includes('"executed"')))
  assert.not.ok(existsSync(join(files.configs[0]?.store ?? '', 'signer.pid')))
})

test('refusals: a missing flag, flags that exclude each other, an unknown one', async () => {
  for (const [args, pattern] of [
    [[], /--manifest is missing/],
    [[...flags(), '--pack', 'x'], /--pack/],
    [[...flags(), '--bls', 'fake'], /blst/],
    [['--nonsense'], /nonsense/],
    [['--pack', '/nowhere'], /\/nowhere cannot be read/],
  ] as const) {
    const { code, stdout, stderr } = await bench.process(['signer', 'start', ...args])
    assert.is(code, 2, stderr)
    assert.is(stdout, '')
    assert.match(stderr, pattern)
    assert.is(stderr.trim().split('\n').length, 1, stderr)
  }
})

test.run()
