#!/usr/bin/env -S node --import tsx
// Runs the commands from src/, without a build: `npm run dev -- COMMAND`.
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execute, settings } from '@oclif/core'

// oclif looks for the sources through the compiler's JavaScript interface, which TypeScript 7 does not have; it would silently run an old dist/.
settings.enableAutoTranspile = false

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const pjson = JSON.parse(readFileSync(`${root}/package.json`, 'utf8').replaceAll('./dist/', './src/'))
await execute({ loadOptions: { root, pjson, ignoreManifest: true } })
