import { expect } from 'chai'

import { PROBLEMS, type ProblemSlug } from '../../src/http/problem.ts'
import { Problem } from '../../src/http/schemas/problem.ts'
import type { Answered } from './broker.ts'

/** A Mayfly token or a JWT: neither has any business in a refusal. */
const SECRET = /mf[a-z]_[0-9A-Za-z]{20}|eyJ[\w-]{10}/

/** That it is this problem, whole: status, form, request id, out of every cache, and without a secret. Returns its body. */
export function expectProblem(answer: Answered, slug: ProblemSlug, status: number = PROBLEMS[slug].status) {
  const { headers, body } = answer
  expect({ type: body.type, status: answer.status }, JSON.stringify(body)).to.deep.equal({
    type: `urn:mayfly:problem:${slug}`,
    status,
  })
  expect(headers.get('content-type')).to.match(/^application\/problem\+json/)
  expect(headers.get('cache-control')).to.equal('no-store')
  expect(Problem.parse(body)).to.include({ title: PROBLEMS[slug].title, status })
  expect(body.detail).to.match(/^[^\n]{10,}\.$/)
  expect(body.instance).to.equal(headers.get('request-id'))
  expect(JSON.stringify(body)).to.not.match(SECRET)
  return body
}

/** Where the errors of a refusal point. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the answer is what is being tested
export const errorPaths = (body: any): readonly string[] => body.errors.map(({ path }: { path: string }) => path)
