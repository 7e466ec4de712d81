import { expect } from 'chai'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inCheckout, pages, readPage } from './support/pages.ts'

describe('links in the documentation', () => {
  it('point at files and headings that are there', () => {
    const texts = pages().map((page) => ({ page, text: readPage(page) }))
    expect(texts.flatMap(({ text }) => linksIn(text))).to.have.length.above(30)
    expect(texts.flatMap(({ page, text }) => linksIn(text).filter((link) => isBroken(page, link)))).to.deep.equal([])
  })

  it('would be missed where they point at nothing', () => {
    const text = `
# A page, and \`its\` heading
[one](README.md), [two](docs/nothing.md), [three](#a-page-and-its-heading), [four](#its), [five](docs/problems.md#gone)
[six](docs/problems.md#here), [seven](https://example.com/nothing), [eight](docs)`
    expect(linksIn(text).filter((link) => isBroken(inCheckout('page.md'), link, text))).to.deep.equal([
      'docs/nothing.md',
      '#its',
      'docs/problems.md#here',
    ])
  })
})

/** What is relative: to another file, to a heading of one, or to a heading of the page itself. */
function linksIn(text: string): readonly string[] {
  const targets = [...withoutCode(text).matchAll(/\]\(([^()\s]+)\)/g)].flatMap(([, target]) => target ?? [])
  return targets.filter((target) => !/^[a-z]+:/.test(target))
}

function isBroken(page: string, link: string, text?: string): boolean {
  const [path = '', heading] = link.split('#')
  const target = path === '' ? page : join(dirname(page), path)
  if (path !== '' && !existsSync(target)) return true
  return (
    heading !== undefined && !headingsIn(path === '' && text !== undefined ? text : readPage(target)).includes(heading)
  )
}

/** Headings, as GitHub makes anchors of them. */
function headingsIn(text: string): readonly string[] {
  return [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

const withoutCode = (text: string): string => text.replaceAll(/^```[^]*?^```$/gm, '')
