import { ages, DEFAULT_FILTER, stateFilters, writeFilter, type Filter } from '../model/filter.ts'

interface FiltersInit {
  filter: Filter
  registries: readonly string[]
  onChange(filter: Filter): void
}

/** What the history can be narrowed down by. */
export function HistoryFilters({ filter, registries, onChange }: FiltersInit) {
  const change = (part: Partial<Filter>): void => onChange({ ...filter, ...part })
  // an address may name a registry that is no longer there
  const names = new Set([...registries, ...(filter.registry === '' ? [] : [filter.registry])])
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <Choice
        name="State"
        value={filter.state}
        options={labelsOf(stateFilters)}
        onChange={(state) => change({ state })}
      />
      <Choice
        name="Asked for"
        value={filter.within}
        options={[['', 'at any time'], ...labelsOf(ages)]}
        onChange={(within) => change({ within })}
      />
      {names.size > 1 && (
        <Choice
          name="Registry"
          value={filter.registry}
          options={[['', 'any'], ...[...names].map((name): [string, string] => [name, name])]}
          onChange={(registry) => change({ registry })}
        />
      )}
      <label class="image-filter">
        Image
        <input
          type="search"
          value={filter.text}
          placeholder="part of its name"
          onInput={({ currentTarget }) => change({ text: currentTarget.value.trim() })}
        />
      </label>
      {writeFilter(filter) !== '' && (
        <button type="button" class="quiet" onClick={() => onChange(DEFAULT_FILTER)}>
          Clear
        </button>
      )}
    </form>
  )
}

function labelsOf(of: Readonly<Record<string, { label: string }>>): [string, string][] {
  return Object.entries(of).map(([key, { label }]) => [key, label])
}

function Choice(init: {
  name: string
  value: string
  options: readonly (readonly [string, string])[]
  onChange(value: string): void
}) {
  const { name, value, options, onChange } = init
  return (
    <label>
      {name}
      <select value={value} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
        {options.map(([key, label]) => (
          <option key={key} value={key}>
            {label}
          </option>
        ))}
      </select>
    </label>
  )
}
