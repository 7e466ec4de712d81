import { expect } from 'chai'
import { inCheckout, readPage } from './support/pages.ts'

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

describe("the README's table of the API", () => {
  const { paths } = JSON.parse(readPage(inCheckout('openapi.json'))) as Document
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => endpoint(method, path)),
  )

  it('names endpoints that openapi.json describes', () => {
    const [, table = ''] =
      /^\| call \| who \| does \|\n\|[-|]+\n((?:\|.*\n)+)/m.exec(readPage(inCheckout('README.md'))) ?? []
    const named = table.trim().split('\n').flatMap(endpointsIn)
    expect(named).to.have.length.above(25)
    expect(named.filter((each) => !documented.includes(each))).to.deep.equal([])
  })

  it('would be missed to name one that is not there', () => {
    const row = '| `POST /v1/{owners,tasks}/{name}/revoke`, `/frobnicate` | `GET /v1/ignored` | |'
    expect(endpointsIn(row).filter((each) => !documented.includes(each))).to.deep.equal([
      'POST /v1/owners/{}/frobnicate',
      'POST /v1/tasks/{}/frobnicate',
    ])
  })
})

/**
 * What the first cell of a row names. `{a,b}` stands for both, and a last segment alone for the same call with that end;
 * in a row without a method everything is read.
 */
function endpointsIn(row: string): readonly string[] {
  const [, cell = ''] = row.split('|')
  const calls = [...cell.matchAll(/`([^`]+)`/g)].map(([, call = '']) => call)
  let [method, before] = ['GET', '']
  return calls.flatMap((call) => {
    const [, said, path = ''] = /^(?:([A-Z]+) )?(\S+)$/.exec(call) ?? []
    const isEnd = said === undefined && before !== '' && /^\/[^/]+$/.test(path)
    method = said ?? method
    const whole = isEnd ? before.replace(/\/[^/]+$/, path) : path
    if (said !== undefined || before !== '') before = whole
    return alternatives(whole).map((each) => endpoint(method, each))
  })
}

function alternatives(path: string): readonly string[] {
  const [group, names] = /\{([^{}]*,[^{}]*)\}/.exec(path) ?? []
  return group === undefined || names === undefined ? [path] : names.split(',').map((name) => path.replace(group, name))
}

/** Parameters have other names in prose than in the document. */
function endpoint(method: string, path: string): string {
  return `${method.toUpperCase()} ${path.replace(/\?.*$/, '').replaceAll(/\{[^{}]+\}/g, '{}')}`
}
