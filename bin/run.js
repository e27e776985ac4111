#!/usr/bin/env node
import { existsSync } from 'node:fs'
import { execute, settings } from '@oclif/core'

// The compiled commands are run as they stand, whatever NODE_ENV says.
settings.enableAutoTranspile = false

// A reader that has seen enough (`musig … | head`) is not an error.
process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 4))

if (existsSync(new URL('../dist', import.meta.url))) await execute({ dir: import.meta.url })
else {
  console.error('Error: the commands are not built: run npm run build')
  process.exitCode = 4
}
