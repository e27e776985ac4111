#!/usr/bin/env node
import { existsSync } from 'node:fs'

// A reader that has seen enough (`musig … | head`) is not an error.
process.stdout.on('error', (error) => process.exit('code' in error && error.code === 'EPIPE' ? 0 : 4))

if (existsSync(new URL('../dist', import.meta.url))) {
  const { execute, settings } = await import('@oclif/core')
  // The compiled commands are run as they stand, whatever NODE_ENV says.
  settings.enableAutoTranspile = false
  await execute({ dir: import.meta.url })
} else {
  console.error('Error: the commands are not built: run npm ci --ignore-scripts, then npm run build')
  process.exitCode = 4
}
