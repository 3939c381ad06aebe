#!/usr/bin/env node
// Plain JavaScript that also an old Node.js can parse, so that it can say what is missing.
import { existsSync } from 'node:fs'

if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(`acceld needs Node.js 24 or newer, this is ${process.version}\n`)
  process.exitCode = 1
} else {
  const source = new URL('../src/bin/acceld.ts', import.meta.url)
  void import(
    existsSync(source) ? source.href : new URL('../dist/bin/acceld.js', import.meta.url).href
  )
}
