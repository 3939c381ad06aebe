import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  decodeFooter,
  encodeContainersFooter,
  encodeStargzFooter,
  parsePosition,
  positionText,
} from './footer.ts'

const toc = { offset: 58178, size: 4639, uncompressedSize: 75912 }
const tarSplit = { offset: 62825, size: 2437, uncompressedSize: 65260 }

suite('footers', () => {
  test('of stargz', () => {
    const frame = encodeStargzFooter(toc)
    assert.equal(frame.length, 48)
    assert.deepEqual(decodeFooter(frame), { dialect: 'stargz', size: 48, toc })
    assert.equal(Buffer.from(frame.subarray(-8)).toString(), 'GnUlInUx')
  })

  test('of containers', () => {
    const frame = encodeContainersFooter(toc, tarSplit)
    assert.equal(frame.length, 72)
    assert.deepEqual(decodeFooter(frame), { dialect: 'containers', size: 72, toc, tarSplit })
    assert.equal(Buffer.from(frame.subarray(-8)).toString(), 'GNUlInUx')
  })

  test('what is none', () => {
    assert.equal(decodeFooter(new Uint8Array(0)), undefined)
    assert.equal(decodeFooter(new Uint8Array(72)), undefined)
    assert.equal(decodeFooter(encodeStargzFooter(toc).subarray(1)), undefined)
  })

  test('positions as text', () => {
    assert.equal(positionText(tarSplit), '62825:2437:65260')
    assert.deepEqual(parsePosition('62825:2437:65260', false), tarSplit)
    assert.deepEqual(parsePosition('58178:4639:75912:1', true), toc)
    for (const text of ['', '1:2', '1:2:3', '1:2:3:2', '-1:2:3:1', '1:2:3:1:4']) {
      assert.equal(parsePosition(text, true), undefined)
    }
  })
})
