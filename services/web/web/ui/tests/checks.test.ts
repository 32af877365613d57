import { expect, test } from "vitest";
import type { Checked } from "../src/model";
import { summary } from "../src/parts/Checks";

const results = (...found: Checked["result"][]) => ({ success: true, categories: [{ categoryName: "a", checks: found.map((result, index) => ({ description: String(index), result })) }] });

test("what there is none of is not counted out", () => {
  expect(summary(results())).toBe("0 passed");
  expect(summary(results("success", "success", "warning"))).toBe("2 passed, 1 warning");
  expect(summary(results("warning", "warning", "error"))).toBe("0 passed, 2 warnings, 1 failed");
});
