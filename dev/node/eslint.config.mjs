// The rules of Odoo's own addons (web/tooling and test_lint), as a flat configuration.
import js from "@eslint/js";
import globals from "globals";

const component = "ClassDeclaration[superClass.name='Component']";

function requireStatic(name) {
    return {
        selector: `${component}:not(:has(ClassBody.body > PropertyDefinition[key.name='${name}'][static='true']))`,
        message: `A Component declares static ${name}.`,
    };
}

export default [
    js.configs.recommended,
    {
        languageOptions: {
            ecmaVersion: 2022,
            sourceType: "module",
            globals: { ...globals.browser, luxon: "readonly", odoo: "readonly" },
        },
        linterOptions: { reportUnusedDisableDirectives: "error" },
        rules: {
            "arrow-body-style": ["error", "as-needed"],
            curly: ["error", "all"],
            eqeqeq: "error",
            "no-duplicate-imports": "error",
            "no-restricted-globals": ["error", "event", "self"],
            "no-restricted-syntax": [
                "error",
                "PrivateIdentifier",
                requireStatic("props"),
                requireStatic("template"),
                {
                    selector: "CallExpression[callee.name='_t'] > :first-child[value=/(.*%s){2,}/]",
                    message: "Name the placeholders of _t.",
                },
                {
                    selector:
                        "CallExpression[callee.property.name='add'][callee.object.property.name='notification'] > Literal:first-child",
                    message: "What people read goes through _t.",
                },
            ],
            "no-unused-vars": ["error", { args: "none", caughtErrors: "all" }],
            "no-var": "error",
            "prefer-const": ["error", { destructuring: "all", ignoreReadBeforeAssign: true }],
        },
    },
    {
        // Playwright's and the linters' own scripts run in Node.
        files: ["dev/**"],
        languageOptions: { globals: globals.node },
    },
];
