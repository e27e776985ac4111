/** The templates name only what there is: every flag of a unit's command is one of the command's, and all that it needs are there. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import PeerStart from '../src/commands/peer/start.js'
import SignerStart from '../src/commands/signer/start.js'

for (const { node, command, needed } of [
  { node: 'signer', command: SignerStart, needed: ['manifest', 'addresses', 'key', 'token-file', 'store'] },
  { node: 'peer', command: PeerStart, needed: ['manifest', 'addresses', 'store', 'api'] },
])
  test(`the systemd unit starts a ${node} with flags that exist`, () => {
    const unit = readFileSync(fileURLToPath(new URL(`../templates/musig-${node}@.service`, import.meta.url)), 'utf8')
    const started = new RegExp(`^ExecStart=/usr/bin/env musig ${node} start (.+)$`, 'm').exec(unit)?.[1] ?? ''
    const flags = [...started.matchAll(/--([a-z-]+) \S+/g)].map(([, name]) => name ?? '')
    const known = Object.keys(command.flags)
    assert.equal(
      flags.filter((name) => !known.includes(name)),
      [],
    )
    for (const name of needed) assert.ok(flags.includes(name), name)
  })

test.run()
