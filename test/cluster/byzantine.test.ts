// time limit: 300 s
/** Liars as real processes: how they are asked for, refused, remembered and shown; what one of them cannot do. Every lie has its turn in byzantine.long.test.ts. */
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { areSameLiars, checkLiars, liarsText, parseLiars, processName } from '../../src/lib/cluster/liars.js'
import { startProcess } from '../../src/lib/cluster/processes.js'
import { until } from '../until.js'
import { LyingCluster, sevenLive } from './lying-cluster.js'

const cluster = new LyingCluster()

test.after(() => cluster.end())

test('what is asked for is read, or refused with the way out', async () => {
  assert.equal(parseLiars(['3:equivocate,7:withhold', '0-2:collude']), [
    { signers: [3], strategy: 'equivocate' },
    { signers: [7], strategy: 'withhold' },
    { signers: [0, 1, 2], strategy: 'collude' },
  ])
  assert.equal(parseLiars(['none']), [])
  const refused = (byzantine: string, reason: RegExp, more: string[] = []) =>
    cluster.refused(['cluster', 'up', '-n', '4', '--byzantine', byzantine, ...more], 2, 'BAD_INPUT', reason)
  await refused('3:mute', /there is no lie “mute”; there are silent, withhold, .*twin, collude$/)
  await refused('4:silent', /--byzantine 4:silent: there is no signer 4; they are numbered 0 to 3/)
  await refused('silent', /--byzantine silent is not I:STRATEGY, I-J:STRATEGY or none/)
  await refused('2-1:collude', /2-1 goes backwards/)
  await refused('0-2:collude,1:flip', /signer 1 is named twice/)
  await refused('1-2:collude', /who colludes shares a process, and with --pack 2 these do not/, ['--pack', '2'])
})

test('who colludes shares a process, the others have one of their own', () => {
  const names = (pack: number, byzantine: string) => {
    const liars = parseLiars([byzantine]).map((each) => ({ ...each, seed: 'x' }))
    checkLiars(liars, { n: 7, pack })
    return Array.from({ length: 7 }, (_, index) => processName(index, { n: 7, pack, liars }))
  }
  assert.equal(names(1, '2-4:collude,0:flip'), ['0', '1', '2-4', '2-4', '2-4', '5', '6'])
  assert.equal(names(4, '1-2:collude'), ['0-3', '0-3', '0-3', '0-3', '4-6', '4-6', '4-6'])
  assert.ok(areSameLiars(parseLiars(['0-1:flip']), parseLiars(['1:flip,0:flip'])))
  assert.not.ok(areSameLiars(parseLiars(['0-1:collude']), parseLiars(['1:collude,0:collude'])))
})

test('up: a warning of one line, a mark for each liar, remembered through restarts', async () => {
  const { stderr } = await cluster.good(['cluster', 'up', '-n', '4', '--machine', 'documents', '--byzantine', '3:equivocate'])
  assert.match(stderr, /^Warning: one signer lies: 3 equivocate$/m)
  const lies = async () => (await cluster.agree()).signers.map(({ lie }) => lie)
  assert.equal(await lies(), [null, null, null, 'equivocate'])
  const shown = await cluster.good(['cluster', 'status'])
  assert.match(shown.stdout, /^ {5}3 {2}signer-3 {2}ready +equivocate +\d/m)
  await cluster.refused(['cluster', 'up', '--byzantine', '2:silent'], 2, 'BAD_INPUT', /runs with other liars; stop it first with: musig cluster down/)
  await cluster.good(['cluster', 'restart', '3'])
  assert.equal(await lies(), [null, null, null, 'equivocate'])
  const log = readFileSync(cluster.files.resolve('logs/3.log'), 'utf8')
  assert.is(log.match(/"strategy":"equivocate","msg":"this signer lies"/g)?.length, 2)
  await cluster.good(['cluster', 'down'])
  const honest = await cluster.good(['cluster', 'up', '--byzantine', 'none'])
  assert.not.match(honest.stderr, /lies/)
  assert.equal(await lies(), [null, null, null, null])
})

test('a warning says where there are more of them than are survived', () => {
  const text = (byzantine: string, deltaMs: number) =>
    liarsText({ liars: parseLiars([byzantine]).map((each) => ({ ...each, seed: 'x' })) }, { ...cluster.manifest, deltaMs })
  assert.is(text('0:flip', 0), 'one signer lies: 0 flip')
  assert.is(text('0-1:collude', 0), '2 signers lie: 0-1 collude; beyond what the cluster survives: 2 of 4, and at most 1 may')
  assert.is(text('0-1:collude', 50), '2 signers lie: 0-1 collude; survived only while messages take less than 50 ms')
  assert.is(text('0:flip,1:flip,2:flip', 50), '3 signers lie: 0 flip, 1 flip, 2 flip; beyond what the cluster survives: 3 of 4, and at most 2 may')
  assert.is(liarsText({ liars: [] }, cluster.manifest), undefined)
})

test('a signer lies in no cluster but one for tests', async () => {
  await cluster.good(['cluster', 'down'])
  const { files } = cluster
  const record = files.read()
  const config = JSON.parse(readFileSync(`${files.processesFolder}/3.json`, 'utf8'))
  const manifest = JSON.parse(readFileSync(config[0].manifest, 'utf8'))
  writeFileSync(config[0].manifest, JSON.stringify({ ...manifest, test: false }))
  writeFileSync(`${files.processesFolder}/3.json`, JSON.stringify([{ ...config[0], lie: { strategy: 'flip', seed: '1' } }]))
  const log = files.resolve(record.signers[3]?.log ?? '')
  const process = await startProcess(files, '3', log)
  await until('it ends', () => process.ended)
  assert.match(readFileSync(log, 'utf8'), /Error: the manifest of “default” is not that of a test cluster: no signer lies in it \(“flip”\)\n$/)
  writeFileSync(config[0].manifest, JSON.stringify(manifest))
})

test('one of seven that gives everyone another vote, one killed, one paused: one order, everything executed, evidence against the liar alone', () =>
  sevenLive('5:equivocate', { rounds: 2 }))

test.run()
