import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import { BlockHandle, stopsAtBlocks } from './block-handle.ts'

test('the zlib of this Node stops at blocks', () => {
  assert.equal(
    stopsAtBlocks(() => new BlockHandle()),
    true,
  )
})

test('one that goes over them, or tells other numbers, or throws, is found out', () => {
  class GoesOn extends BlockHandle {
    override inflate(...args: Parameters<BlockHandle['inflate']>): void {
      super.inflate(...args)
      const [input, start, end, output, outputStart, outputEnd] = args
      const { used, made } = this
      super.inflate(input, start + used, end, output, outputStart + made, outputEnd)
      this.used += used
      this.made += made
    }
  }
  class Miscounts extends BlockHandle {
    override inflate(...args: Parameters<BlockHandle['inflate']>): void {
      super.inflate(...args)
      this.used = Math.min(this.used + 1, args[2] - args[1])
    }
  }
  class Throws extends BlockHandle {
    override inflate(): void {
      throw new Error('not a function')
    }
  }
  for (const Other of [GoesOn, Miscounts, Throws]) {
    assert.equal(
      stopsAtBlocks(() => new Other()),
      false,
      Other.name,
    )
  }
  assert.equal(
    stopsAtBlocks(() => {
      throw new Error('no handle')
    }),
    false,
  )
})

test('a handle reads a second stream after a reset', () => {
  const handle = new BlockHandle()
  const output = Buffer.alloc(20)
  for (const text of ['first', 'second']) {
    const input = deflateRawSync(text)
    handle.inflate(input, 0, input.length, output, 0, 20)
    assert.equal(output.toString('latin1', 0, handle.made), text)
    handle.reset()
  }
  handle.close()
})
