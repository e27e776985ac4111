/** The templates name only what there is: every flag of the unit's command is one of `musig signer start`, and all that it needs are there. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import SignerStart from '../src/commands/signer/start.js'

test('the systemd unit starts a signer with flags that exist', () => {
  const unit = readFileSync(fileURLToPath(new URL('../templates/musig-signer@.service', import.meta.url)), 'utf8')
  const command = /^ExecStart=\/usr\/bin\/env musig signer start (.+)$/m.exec(unit)?.[1] ?? ''
  const flags = [...command.matchAll(/--([a-z-]+) \S+/g)].map(([, name]) => name ?? '')
  const known = Object.keys(SignerStart.flags)
  assert.equal(
    flags.filter((name) => !known.includes(name)),
    [],
  )
  for (const needed of ['manifest', 'addresses', 'key', 'token-file', 'store']) assert.ok(flags.includes(needed), needed)
})

test.run()
