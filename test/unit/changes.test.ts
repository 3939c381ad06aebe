import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseChange, readChanges, releaseNotes } from '../../scripts/changes.ts'

test('every file in changes/ is a change', () => {
  assert.doesNotThrow(readChanges)
})

test('a change has a kind in its name and one paragraph', () => {
  assert.deepEqual(parseChange('fixed-a-thing.md', 'It works\nagain.\n'), {
    file: 'fixed-a-thing.md',
    kind: 'Fixed',
    text: 'It works\nagain.',
  })
  assert.throws(() => parseChange('improved-x.md', 'x'), /changes\/improved-x\.md: a name is/)
  assert.throws(() => parseChange('fixed.md', 'x'), /a name is/)
  assert.throws(() => parseChange('fixed-x.md', 'one\n\ntwo'), /one paragraph/)
  assert.throws(() => parseChange('fixed-x.md', '# Heading'), /one paragraph/)
  assert.throws(() => parseChange('fixed-x.md', ' \n'), /one paragraph/)
})

test('notes of a release are grouped by kind, in a fixed order', () => {
  const changes = [
    parseChange('security-b.md', 'Tokens are hidden.'),
    parseChange('added-c.md', 'A driver\nfor more.'),
    parseChange('added-a.md', 'Another.'),
  ]
  assert.equal(
    releaseNotes('1.2.3', '2026-11-21', changes),
    [
      '## 1.2.3 (2026-11-21)',
      '',
      '### Added',
      '',
      '- A driver',
      '  for more.',
      '- Another.',
      '',
      '### Security',
      '',
      '- Tokens are hidden.',
    ].join('\n'),
  )
})
