import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAccelError } from '../errors/accel-error.ts'
import { parseConfig } from './load.ts'

function parse(rules: string) {
  return parseConfig(`converter:\n  driver: { type: estargz }\n  rules:\n${rules}`, 'config.yaml')
}

function problemsOf(rules: string): string[] {
  try {
    parse(rules)
  } catch (error) {
    assert.ok(isAccelError(error, 'CONFIG_INVALID'))
    return error.context.problems.map(({ line, path, problem }) => `${line} ${path}: ${problem}`)
  }
  return []
}

test('rules with a name stand beside the rule of earlier releases, in the order of the list', () => {
  const { config, warnings } = parse(`
    - { name: first, tag_suffix: -a }
    - { cache_tag: c }
    - { name: second, tag_suffix: -b, platforms: linux/arm64, driver: { type: zstdchunked, config: { level: 0x3 } } }
    - { tag_suffix: -c }
`)
  assert.deepEqual(
    config.converter.rules.map(({ name, tagSuffix, cacheTag }) => [name, tagSuffix, cacheTag]),
    [
      ['first', '-a', ''],
      ['default', '-c', 'c'],
      ['second', '-b', ''],
    ],
  )
  const second = config.converter.rules[2]
  assert.deepEqual(second?.driver, { type: 'zstdchunked', config: { level: '0x3' } })
  assert.equal(second.platforms, 'linux/arm64')
  assert.deepEqual(warnings, [])
})

test('a second suffix without a name is warned of: earlier releases ignore it as well', () => {
  const { config, warnings } = parse('    - tag_suffix: -a\n    - tag_suffix: -b\n')
  assert.equal(config.converter.rules.length, 1)
  assert.equal(warnings.length, 1)
  assert.equal(warnings[0]?.line, 5)
  assert.match(warnings[0]?.problem ?? '', /the first tag_suffix counts/)
})

test('mistakes in rules are named with path and line', () => {
  assert.deepEqual(
    problemsOf(`
    - tag_suffix: -a
      when: [{ tag: v* }]
    - name: UPPER
      tag_suffix: -b
    - name: twice
      tag_suffix: -c
    - name: twice
    - name: default
      tag_suffix: -d
    - name: pattern
      tag_suffix: -e
      when:
        - tag: /(/
          repository:
            - ok
            - "{a"
          labels: { x: "/*/" }
          min_size: lots
`),
    [
      '5 converter.rules[0]: a rule with when needs a name',
      '7 converter.rules[1].name: "UPPER" is no name: lower-case letters, digits, "_", "." and "-" only',
      '11 converter.rules[3]: another rule is named twice as well',
      '11 converter.rules[3]: a rule with a name needs a tag_suffix',
      '12 converter.rules[4]: the name default is that of the rules without a name',
      '17 converter.rules[5].when[0].tag: "/(/": a ( is not closed',
      '20 converter.rules[5].when[0].repository[1]: "{a": a { is not closed',
      '21 converter.rules[5].when[0].labels.x: "/*/": a * has nothing before it to repeat',
      '22 converter.rules[5].when[0].min_size: "lots" is not a size; write it like 1000MB or 10GiB',
    ],
  )
})
