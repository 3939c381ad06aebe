import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conversionLog, type ConversionStep } from './conversion-log.ts'
import { createLog } from './log.ts'

test('the lines of a conversion are upstream’s', () => {
  const source = '192.168.1.1/library/nginx:latest'
  const target = `${source}-esgz`
  const steps: ConversionStep[] = [
    { type: 'pulling', image: source },
    { type: 'pulled', image: source, cached: 0, layers: 7, elapsedMs: 28.039 },
    { type: 'converting', image: source },
    { type: 'layer' },
    { type: 'warning', image: source, message: 'layer 3 is kept' },
    { type: 'converted', image: target, cached: 2, layers: 7, elapsedMs: 1500 },
    { type: 'pushing', image: target },
    { type: 'pushed', image: target, elapsedMs: 61_500 },
    { type: 'skipped', image: target, reason: 'it was converted already' },
    { type: 'done' },
  ]
  const lines: string[] = []
  const log = conversionLog(createLog({ write: (line) => lines.push(line) }))
  for (const step of steps) log(step)
  assert.deepEqual(
    lines.map((line) => line.replace(/^time="[^"]+" /, '').trimEnd()),
    [
      `level=info msg="pulling image ${source}" module=converter`,
      `level=info msg="pulled image ${source} (cached 0/7), elapse 28.039ms" module=converter`,
      `level=info msg="converting image ${source}" module=converter`,
      'level=warning msg="layer 3 is kept" module=converter',
      `level=info msg="converted image ${target} (cached 2/7), elapse 1.5s" module=converter`,
      `level=info msg="pushing image ${target}" module=converter`,
      `level=info msg="pushed image ${target}, elapse 1m1.5s" module=converter`,
      `level=info msg="${target} is not converted: it was converted already" module=converter`,
    ],
  )
})
